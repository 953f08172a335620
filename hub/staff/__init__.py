"""Who is who: which extension of a PBX is which user of a CRM. One service for every page that shows the table."""

"""Cards under load: two Bitrix24 portals with strict limits, a backlog in each, and telephones that ring."""

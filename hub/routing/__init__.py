"""Who should get this caller: the decision, the index behind it, and the commands that a PBX is told it by."""

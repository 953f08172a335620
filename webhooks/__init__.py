"""The one door in: the contract that every sender's folder fills, the inbox, the receiver."""

"""What a CRM should come to show for a call: pure functions from facts to intents."""

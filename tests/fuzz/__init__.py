"""What hostile, broken and absurd input comes to: never more than a refusal or a quarantined row."""

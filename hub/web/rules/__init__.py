"""The rooms of the rules: the table, one rule, people, everything else, dry runs, versions."""

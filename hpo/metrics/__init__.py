"""What is measured on labelled items: metrics by name, from what was counted of each item."""

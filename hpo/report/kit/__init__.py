"""What a paper takes from a report: tables and a methods paragraph in LaTeX, references, checklists, a manifest."""

"""What this node can tell, each answer declared once. Knows no door."""

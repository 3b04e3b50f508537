"""What the operator chose, read once. After start nothing here changes."""

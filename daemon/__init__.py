"""The only room that knows all rooms. It owns every task and no rule."""

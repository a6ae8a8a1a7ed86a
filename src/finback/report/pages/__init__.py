"""Pages: each is a frozen dataclass of what it shows, and a function that renders it as HTML."""

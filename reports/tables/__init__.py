"""Tables as text, the same for the terminal, Markdown and the page."""

"""The words of a conclusion: numbers, sentences, the headline, and what was read; one style in the terminal, on the page and in Markdown."""

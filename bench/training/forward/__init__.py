"""Ways to run a model on rows of different length; the trainer sees one of them, behind `Prepared`."""

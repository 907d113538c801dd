"""Tables, figures and pages made from records; nothing here measures, and nothing imports torch."""

"""What finds places in texts: personal data, secrets, instructions to a model, terms. Texts in, findings out."""

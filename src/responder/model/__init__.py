"""The nouns: pure frozen values. Import them from their modules."""

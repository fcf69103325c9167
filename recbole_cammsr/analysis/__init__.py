"""What is measured, drawn and explained of trained and untrained models."""

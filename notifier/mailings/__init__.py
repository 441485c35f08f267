"""What is to be sent, when and through which gateway, and the statuses it goes through."""

"""The post's only door to the link: what authorities say becomes commands; persons go straight into the vault."""

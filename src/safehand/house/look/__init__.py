"""One look for every screen: parts of pages as Jinja macros, one style sheet, and the frame that renders them. Knows no house."""

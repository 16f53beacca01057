"""The one person whom an applicant names to receive the document instead."""

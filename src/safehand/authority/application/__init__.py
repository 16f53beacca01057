"""The applicant's side of a case: submitted, corrected, withdrawn, and how it ended."""

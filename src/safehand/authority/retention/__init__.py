"""How long each class of record is kept, as dated data, and the job that holds it."""

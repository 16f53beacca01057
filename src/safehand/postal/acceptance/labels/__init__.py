"""Labels for sealed items and manifests for bags, as PDF: facts in, bytes out."""

"""Who may apply online: one engine for portal and examiner, all failed conditions at once."""

"""Who else may receive an item: the one person whom the applicant named to the authority."""

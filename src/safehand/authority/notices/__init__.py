"""Telling the applicant by SMS and e-mail: texts as data, one job that sends."""

"""A city's waybill numbers: one after the other, never twice."""

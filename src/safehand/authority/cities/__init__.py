"""The cities as dated data: which are open since when, their clocks, collections, postage and counters."""

from safehand.authority.cities.city import City, CityOn, Counter, Zone, load_cities

__all__ = ["City", "CityOn", "Counter", "Zone", "load_cities"]

"""The post's network as data: waybill numbers, service areas, cities, carriers."""

"""The issued document leaves the house: in a sealed envelope with the post, or across the authority's counter."""

"""The pages by which somebody applies: begun, filled in over days or minutes, looked over, sent."""

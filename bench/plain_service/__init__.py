"""What Safehand is compared with: the same intake as a good team would write it in a week."""

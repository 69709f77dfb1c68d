"""What runs in the Python workers of Spark. No module here imports pyspark."""

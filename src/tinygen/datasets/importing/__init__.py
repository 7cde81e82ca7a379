"""Other people's data sets become the dataset layout."""

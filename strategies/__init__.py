"""The strategies that come with `bench`: one file, one strategy, named as its file."""

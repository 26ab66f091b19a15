"""Stands in for setuptools while pip downloads the source archive of an asset."""

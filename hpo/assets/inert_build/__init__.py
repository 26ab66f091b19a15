"""What pip's build step finds in place of setuptools. See ``setuptools.build_meta`` in this folder."""

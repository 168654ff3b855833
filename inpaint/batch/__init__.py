"""Folders of any size: pair images with masks, fill them, resume, on one machine or a cluster.

    pairing -> manifest (what is done already) -> engine (workers) -> item -> manifest

``inpaint.batch.run.fill_folder`` is the whole of it; ``docs/scale.md`` has its measured cost. One
search holds the restarts of one image and never two images: kernels round by the shape of a
batch, and a file must get the same bytes whatever stands beside it. So workers, not larger
batches, are how a folder gets filled faster.
"""

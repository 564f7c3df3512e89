import os

# Benchmarks run what the commands run, which load TensorFlow with oneDNN on every processor.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

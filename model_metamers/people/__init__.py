"""The listening and looking experiments: people judge metamers and natural signals as the networks do.

Needs the extra `people`. Only what prepares a study loads TensorFlow.
"""

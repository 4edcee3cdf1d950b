"""The options of both scripts, the frame of a run, and what is shown instead of one."""

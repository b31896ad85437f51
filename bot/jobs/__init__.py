"""Jobs: what is stored of them, and which worker holds one."""

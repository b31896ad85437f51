"""One language model behind a server: asking, listening, paying, keeping. `llm.py` is what others see."""

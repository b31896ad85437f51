"""One language model behind a server: asking, listening, paying, keeping. `pipeline.llm` is what others see."""

"""What the two local pages for a person's judgement share: safety, look, keyboard."""

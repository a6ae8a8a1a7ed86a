"""From log-mel spectrograms back to sound: Griffin-Lim, its fast form, and trained vocoders."""

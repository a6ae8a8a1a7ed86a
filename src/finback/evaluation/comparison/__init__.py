"""Model families on the same folds, and the leaderboard."""

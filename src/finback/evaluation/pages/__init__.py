"""What each page of `report` shows, collected from run folders."""

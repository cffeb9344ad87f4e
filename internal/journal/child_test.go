package journal

const childEnv = "HEADGATE_JOURNAL_CHILD"

func runChild(string) int { return 2 }

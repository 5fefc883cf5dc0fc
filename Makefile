# Five commands; what they do is in scripts/.
.PHONY: run dev test bench fuzz

run: ## Build for release where needed and serve on http://127.0.0.1:3000
	@scripts/run.sh

dev: ## Build, serve and rebuild at every change
	@scripts/dev.sh

test: ## Everything that must pass before a change is merged
	@scripts/test.sh

bench: ## Measure the budgets
	@scripts/bench.sh

fuzz: ## Throw generated requests at every REST route
	@scripts/fuzz.sh

import AxeBuilder from "@axe-core/playwright";
import { newTraceId } from "../support/console.ts";
import { startExporter } from "../support/services.ts";
import { expect, hydrated, keepSession, test } from "../support/test.ts";

interface Result {
  metric: Record<string, string>;
  value: [number, string];
}

test("programs with Prometheus clients are added, tried, scraped, changed and removed", async ({
  page,
  open,
  console,
  guard,
}) => {
  const [scales, till] = await Promise.all([startExporter("scales"), startExporter("till")]);
  const ask = async (query: string) => {
    const path = `/prometheus/api/v1/query?query=${encodeURIComponent(query)}`;
    return (await console.json<{ data: { result: Result[] } }>(path)).data.result;
  };
  try {
    const trace = newTraceId();
    for (let times = 0; times < 4; times++) {
      await fetch(`${scales.address}/weigh/anvil?trace=${trace}`, { method: "POST" });
    }

    await open("/monitoring/targets");
    await expect(page.getByRole("main")).toContainText("Nothing is scraped yet");
    await page.getByRole("link", { name: "Add target" }).click();
    const form = page.getByRole("region", { name: "Add target" });
    await expect(form.getByLabel("Job", { exact: true })).toBeFocused();

    // What is wrong is said beside the field, which gets the focus.
    guard.allow(/422/);
    await form.getByLabel("Job", { exact: true }).fill("scales");
    await form.getByLabel("Address", { exact: true }).fill("ftp://nowhere");
    await form.getByRole("button", { name: "Add" }).click();
    await expect(form.getByLabel("Address", { exact: true })).toBeFocused();
    await expect(form).toContainText("An address with http or https is needed");

    // Trying says why nobody answers, and then what does.
    await form.getByLabel("Address", { exact: true }).fill("http://127.0.0.1:9/metrics");
    await form.getByRole("button", { name: "Try it" }).click();
    await expect(form.getByRole("status").last()).toContainText("Connection refused");
    await form.getByLabel("Address", { exact: true }).fill(`${scales.address}/metrics`);
    await form.getByRole("button", { name: "Try it" }).click();
    await expect(form.getByRole("status").last()).toContainText("Up");
    await expect(form.getByRole("status").last()).toContainText("samples of");
    expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);

    await form.getByLabel("Interval in seconds").fill("1");
    await form.getByLabel("Timeout in seconds").fill("1");
    await form.getByLabel("Labels", { exact: true }).fill("zone=a, env=prod");
    await form.getByRole("button", { name: "Add", exact: true }).click();
    await expect(form).toHaveCount(0);
    const table = page.getByRole("table", { name: "Targets" });
    const ofScales = table.getByRole("row").filter({ hasText: scales.address });
    await expect(ofScales).toContainText("Up");
    await expect(ofScales).toContainText("env=prod, zone=a");

    const settings = { interval_seconds: 1, timeout_seconds: 1 };
    await console.call("targets/add", { request: { job: "till", url: `${till.address}/metrics`, settings } });
    const ofTill = table.getByRole("row").filter({ hasText: till.address });
    await expect(ofTill).toContainText("Up", { timeout: 15_000 });

    // What the clients count is what is asked for.
    await expect
      .poll(() => ask('scales_weighings_total{goods="anvil",zone="a"}').then((found) => found[0]?.value[1]))
      .toBe("4");
    const [median] = await ask("histogram_quantile(0.5, scales_weighing_duration_seconds_bucket)");
    expect(Number(median.value[1])).toBeCloseTo(0.55);
    expect((await ask("sum(till_sales_total)"))[0].value[1]).toBe("5");
    expect((await ask("till_cash_euros"))[0].value[1]).toBe("NaN");
    expect((await ask("till_build_info"))[0].metric.version).toBe("1.2.3");
    expect((await ask("till_receipt_bytes_sum"))[0].value[1]).toBe("120");
    const now = Date.now() / 1000;
    const exemplars = await console.json<{ data: { exemplars: { labels: { trace_id: string } }[] }[] }>(
      `/prometheus/api/v1/query_exemplars?query=scales_weighing_duration_seconds_bucket&start=${now - 600}&end=${now + 60}`,
    );
    expect(exemplars.data[0].exemplars[0].labels.trace_id).toBe(trace);
    const metadata = await console.json<{ data: Record<string, { type: string; help: string }[]> }>(
      "/prometheus/api/v1/metadata?metric=till_sales",
    );
    expect(metadata.data.till_sales[0]).toMatchObject({ type: "counter", help: "Sales, by how they were paid" });

    // One that ends is down, and says why; filters find it and are in the address.
    await till.stop();
    await expect(ofTill).toContainText("Down", { timeout: 15_000 });
    await expect(table).toContainText("Connection refused");
    await page.getByRole("link", { name: "Down", exact: true }).click();
    await expect(page).toHaveURL(/health=down/);
    await expect(ofScales).toHaveCount(0);
    await page.reload();
    await hydrated(page);
    await expect(ofTill).toHaveCount(1);
    await expect(ofScales).toHaveCount(0);
    await page.getByRole("searchbox", { name: "Search targets" }).fill("scales");
    await expect(page.getByRole("main")).toContainText("No targets match");
    await page.getByRole("button", { name: "Clear filters" }).click();
    await expect(ofScales).toHaveCount(1);

    // A change that pauses it, then it goes.
    await ofScales.getByRole("link", { name: "Edit" }).click();
    const change = page.getByRole("region", { name: "Change target" });
    await expect(change.getByLabel("Labels", { exact: true })).toHaveValue("env=prod, zone=a");
    await change.getByLabel("Scrape it").uncheck();
    await change.getByRole("button", { name: "Save" }).click();
    await expect(ofScales).toContainText("Paused");
    await expect.poll(() => ask("scales_weighings_total").then((found) => found.length)).toBe(0);
    await ofTill.getByRole("button", { name: "Remove" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
    await expect(ofTill).toHaveCount(0);
    await expect(page.getByRole("main")).toContainText("is removed");
  } finally {
    await Promise.all([scales.stop(), till.stop()]);
  }
});

test("a viewer sees targets and cannot change them", async ({ page, open, context, console }) => {
  await console.call("targets/add", { request: { job: "node", url: "http://127.0.0.1:9/metrics" } });
  await context.clearCookies();
  await keepSession(context, console, await console.addUser("viewer@example.com", "viewer"));
  await open("/monitoring/targets?edit=new");
  await expect(page.getByRole("table", { name: "Targets" })).toContainText("127.0.0.1:9");
  await expect(page.getByRole("link", { name: "Add target" })).toHaveCount(0);
  await expect(page.getByRole("link", { name: "Edit" })).toHaveCount(0);
  await expect(page.getByRole("region", { name: "Add target" })).toHaveCount(0);
});
